"""Options that several commands have, or that make up a subject of their own."""
