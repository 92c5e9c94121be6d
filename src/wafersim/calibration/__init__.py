"""`wafersim calibrate`: measured programs run again on the simulator, predicted beside measured.

In: `points.csv`, cycles that others measured on the vendor's simulator, and machine tables. Out: a prediction for each
point, tables and a plot (`report`). The programs are our own and do what the column `how` of the points describes.
"""
