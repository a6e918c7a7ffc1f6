"""The locks: every package of every environment, pinned with the hashes of its files.

`table` says what each is made from, `check` what is wrong with one, `__main__` makes them.
`advisories.toml` has the known vulnerabilities that the floors in pyproject.toml are about.
"""
