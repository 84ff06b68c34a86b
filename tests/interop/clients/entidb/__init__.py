"""A sync client that does what the Dart client of EntiDB does on the wire, with its weaknesses left in.

It shares nothing with the server under test: messages are plain maps of cbor2.
"""
