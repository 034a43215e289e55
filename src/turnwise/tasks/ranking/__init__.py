"""Response ranking over a pool: a dual encoder with precedents, and a cross-encoder behind them."""
