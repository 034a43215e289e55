"""Dialogue state tracking: the value of every slot, after every turn of the customer."""
