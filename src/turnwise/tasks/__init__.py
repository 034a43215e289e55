"""Downstream tasks, one a file or folder."""
