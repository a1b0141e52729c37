"""Names the modules that hold the fixtures of the acceptance tests."""

pytest_plugins = ["fixtures.candidate", "fixtures.measurements"]
