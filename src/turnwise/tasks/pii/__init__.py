"""Personal data in turns: a token classifier and the rules, together."""
