"""Cycles by formula: what the PLMR model says of an algorithm, and the step from simulated meshes to the paper's."""
