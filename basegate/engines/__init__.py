"""What answers for a candidate. `protocol` says what every engine offers."""
