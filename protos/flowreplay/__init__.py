"""The contract of replayd: the protobuf package `flowreplay`."""
