"""Runs the notebooks: their parameters, kernels, papermill, and the `benchkit` command."""
