"""`cerebras.sdk.runtime.sdkruntimepybind`: runtime, layout and enumerations."""

from wafersim.runtime.artifacts import SdkCompileArtifacts
from wafersim.runtime.enums import FP16TYPE, Edge, MemcpyDataType, MemcpyOrder, Route, SdkTarget
from wafersim.runtime.layout import (
    CodeRegion,
    Color,
    EdgeRouteInfo,
    PortHandle,
    RoutingPosition,
    SdkLayout,
    get_edge_routing,
)
from wafersim.runtime.platform import SdkExecutionPlatform, SimfabConfig, get_platform, get_simulator, get_system
from wafersim.runtime.sdkruntime import SdkRuntime, Task

# Members of the enumerations are names of the module too.
for _enumeration in (SdkTarget, MemcpyDataType, MemcpyOrder, Edge, Route, FP16TYPE):
    globals().update(_enumeration.__members__)

__all__ = [
    "FP16TYPE",
    "CodeRegion",
    "Color",
    "Edge",
    "EdgeRouteInfo",
    "MemcpyDataType",
    "MemcpyOrder",
    "PortHandle",
    "Route",
    "RoutingPosition",
    "SdkCompileArtifacts",
    "SdkExecutionPlatform",
    "SdkLayout",
    "SdkRuntime",
    "SdkTarget",
    "SimfabConfig",
    "Task",
    "get_edge_routing",
    "get_platform",
    "get_simulator",
    "get_system",
]
