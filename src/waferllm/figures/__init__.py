"""Figures of results: the tables' rows -> PNG and PDF, with the data behind each as CSV."""
