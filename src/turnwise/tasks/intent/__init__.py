"""Intent detection by similarity: ConvFiT's Stage 2 and what goes beyond it."""
