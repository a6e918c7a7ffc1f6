"""Who may call, and what. Knows no gRPC: `rpc.gate` asks it about each call.

`roles`         what a caller may do, and the refusal when it may not;
`tokens`        the token file: a line for each caller, with its roles and how it is known;
`identify`      who shows a token or a certificate;
`rules`         which addresses may be listened on with which options;
`private`       files and folders that nobody else can read or change;
`reread`        a file that is read again when it has changed;
`own_token`     the token that the daemon makes for loopback addresses, where nobody gave one;
`certificates`  what TLS needs, checked before anybody connects;
`settings`      all of it, as the options say.
"""
