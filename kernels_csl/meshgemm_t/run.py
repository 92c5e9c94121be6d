"""Host program of the transposed MeshGEMM: C = A B^T. Files: lib/host.py; order of the elements: README.md."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))

import gemm_tables
import host


def table(params):
    """Transposed MeshGEMM: C = A B^T."""
    return gemm_tables.transposed(params)


if __name__ == "__main__":
    sys.exit(host.main(table))
