"""Every example of README.md and docs/, run as typed."""
