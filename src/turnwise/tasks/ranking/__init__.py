"""Response ranking: a cross-encoder over a pool of responses, behind a shortlist of a dual encoder."""
