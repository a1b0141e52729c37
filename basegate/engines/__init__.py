"""Inference: scores and samples of a candidate. `protocol` says what every engine offers."""
