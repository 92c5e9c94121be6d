"""Host program of GEMM after SUMMA: C = A B. What goes in and out: lib/gemm_host.py."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "lib"))

import gemm_host

if __name__ == "__main__":
    sys.exit(gemm_host.main("SUMMA"))
