"""Recorded responses beside replayed ones: status, fields, content. Pure.

`digests` tells most equal ones at once; `compare` looks into the others: JSON by structure
(`json_values`), text by line (`texts`), after decoding what is encoded (`contents`). `rules`
are what users want left out, `volatile` is what changes with every answer.
"""
