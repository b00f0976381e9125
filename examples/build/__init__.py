"""Builds the binary and tabular documents of the sample company from the texts and tables beside this file."""
