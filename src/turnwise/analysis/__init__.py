"""Pictures and statistics of a model: the space it sees, probable label errors, one HTML report."""
