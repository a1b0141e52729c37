"""What users write, as typed settings: `models.toml`, `thresholds.toml` and `--model`."""
