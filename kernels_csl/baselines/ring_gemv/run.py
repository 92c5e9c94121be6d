"""Host program of GEMV with a ring all-reduce: y = A x. What goes in and out: lib/host.py and lib/gemv_table.py."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "lib"))

import gemv_table
import host

if __name__ == "__main__":
    sys.exit(host.main(gemv_table.table))
