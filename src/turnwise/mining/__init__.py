"""Pairs of sentences for the pairwise cloze objective, mined from raw text (ConVEx, section 2.2)."""
