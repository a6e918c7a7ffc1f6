"""What of captures and answers nobody is shown who may not: credentials become marks.

Pure. Names stay, a value becomes `‹redacted 32B blake2:ab12›`: its size, and a digest that
only says of two values of one journal whether they are equal.

`names`     which header fields and parameters hold secrets
`marks`     what stands in a value's place
`fields`    header fields, cookies, and the heads of requests
`urls`      userinfo, and the parameters of queries, fragments and forms
`contents`  keys and their values in JSON, XML, forms and text
`redactor`  all of it as the rest of the daemon uses it
`printable` what could move a terminal's cursor or forge a line
"""
