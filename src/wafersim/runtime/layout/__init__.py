"""`SdkLayout`: the layout of a program written in Python instead of a `layout` block.

    model.py    what the host program says: regions, colors, positions, ports, connections, streams
    paint.py    regions → routing and parameters per tile, with symbolic colors
    paths.py    connections and streams → paths over free routers
    colors.py   symbolic colors → physical ones
    build.py    all of it → `Image` in a folder
"""

from wafersim.runtime.layout.model import (
    CodeRegion,
    Color,
    EdgeRouteInfo,
    PortHandle,
    RoutingPosition,
    get_edge_routing,
)
from wafersim.runtime.layout.sdklayout import SdkLayout

__all__ = [
    "CodeRegion",
    "Color",
    "EdgeRouteInfo",
    "PortHandle",
    "RoutingPosition",
    "SdkLayout",
    "get_edge_routing",
]
