"""The sample archive: the fictional town of Port Sevrain, as a plan and as bytes.

`plan` holds plain values and imports no library of the extra `sample`; `contents` makes the bytes and
needs it.
"""
