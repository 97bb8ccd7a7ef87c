"""A fault laboratory: vendors that go wrong byte by byte, before them the gateway, and the table of what comes of it.

`DRAGOMAN_WRITE_TABLE=1 pytest tests/faults/test_laboratory.py` writes `table.txt` anew.
"""
