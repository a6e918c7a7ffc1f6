"""Generated code of the contract; see the .proto files. Regenerate with `make proto`."""
