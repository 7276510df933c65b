"""The commands of an operator, one family a file: each adds itself to the command line and runs what that parsed.

What only a command needs is imported by that command: the sidecar, which shares this command line, must not carry it.
"""
