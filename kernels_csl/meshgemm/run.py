"""Host program of MeshGEMM: C = A B. What goes in and out: lib/host.py; order of the elements: README.md."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))

import gemm_tables
import host


def table(params):
    """MeshGEMM: C = A B."""
    return gemm_tables.slabs(params, "aligned")


if __name__ == "__main__":
    sys.exit(host.main(table))
