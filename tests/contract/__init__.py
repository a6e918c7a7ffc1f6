"""What the .proto files promise to every client, and that the code agrees with them."""
