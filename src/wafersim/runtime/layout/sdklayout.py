"""`SdkLayout`: collects regions, connections and streams, and compiles them."""

from __future__ import annotations

from dataclasses import dataclass

from wafersim.runtime.artifacts import SdkCompileArtifacts
from wafersim.runtime.enums import FP16TYPE, SdkTarget
from wafersim.runtime.errors import SdkError, SdkTypeError
from wafersim.runtime.geometry import IntVector
from wafersim.runtime.layout.model import CodeRegion, Color, PortHandle
from wafersim.runtime.platform import SdkExecutionPlatform


@dataclass(frozen=True)
class Stream:
    """A host stream at a port, or at a tile whose routing the program painted itself."""

    name: str
    to_device: bool
    port: PortHandle | None = None
    location: IntVector | None = None
    color: Color | None = None


class SdkLayout:
    """A program's layout: regions of PEs, where they are, and how they are connected."""

    def __init__(self, platform: SdkExecutionPlatform | SdkTarget, *, msg_level: str = "WARNING") -> None:
        if isinstance(platform, SdkTarget):
            platform = SdkExecutionPlatform(platform)
        if not isinstance(platform, SdkExecutionPlatform):
            raise SdkTypeError(f"expected an SdkExecutionPlatform or an SdkTarget, got {platform!r}")
        self.platform = platform
        self.msg_level = msg_level
        self.regions: list[CodeRegion] = []
        self.connections: list[tuple[PortHandle, PortHandle]] = []
        self.streams: list[Stream] = []

    def create_code_region(self, source: str, name: str, width: int, height: int) -> CodeRegion:
        """A rectangle of PEs with the program `source`."""
        if width < 1 or height < 1:
            raise SdkError(f"region '{name}' must have at least one PE, got {width} x {height}")
        if any(region.name == name for region in self.regions):
            raise SdkError(f"there is a region '{name}' already")
        region = CodeRegion(str(source), name, width, height)
        self.regions.append(region)
        return region

    # -------------------------------------------------------------------------- connections, streams

    def connect(self, port_a: PortHandle, port_b: PortHandle) -> None:
        """Data of an output port goes to an input port."""
        if port_a.is_input or not port_b.is_input:
            raise SdkError(
                f"cannot connect '{port_a.name}' to '{port_b.name}': an output port goes to an input port"
            )
        if port_a.size != port_b.size:
            raise SdkError(
                f"cannot connect ports with incompatible data sizes. Port '{port_a.name}' has {port_a.size}, "
                f"port '{port_b.name}' has {port_b.size}"
            )
        counts = len(port_a.tiles()), len(port_b.tiles())
        if counts[0] != counts[1]:
            raise SdkError(
                f"cannot connect ports with incompatible number of PEs. Port '{port_a.name}' has {counts[0]}, "
                f"port '{port_b.name}' has {counts[1]}"
            )
        self._take(port_a)
        self._take(port_b)
        self.connections.append((port_a, port_b))

    def create_input_stream(
        self, port: PortHandle, io_loc: IntVector | None = None, io_buffer_size: int = 1024
    ) -> str:
        """The host sends to an input port; the name is for `SdkRuntime.send`."""
        if not port.is_input:
            raise SdkError(f"port '{port.name}' is an output port: create_output_stream")
        return self._stream(port, io_loc, to_device=True)

    def create_output_stream(
        self, port: PortHandle, io_loc: IntVector | None = None, io_buffer_size: int = 1024
    ) -> str:
        """The host receives from an output port; the name is for `SdkRuntime.receive`."""
        if port.is_input:
            raise SdkError(f"port '{port.name}' is an input port: create_input_stream")
        return self._stream(port, io_loc, to_device=False)

    def create_input_stream_from_loc(self, loc: IntVector, c: Color, prefix: str = "") -> str:
        """As `create_input_stream`, for a color that the program painted up to tile `loc` itself."""
        return self._stream_from(loc, c, prefix, to_device=True)

    def create_output_stream_from_loc(self, loc: IntVector, c: Color, prefix: str = "") -> str:
        return self._stream_from(loc, c, prefix, to_device=False)

    # ------------------------------------------------------------------------------------- placement

    def hstack(self, regions: list[CodeRegion], origin: IntVector | None = None) -> int:
        """Regions side by side, from the place of the first one or from `origin`."""
        return self._stack("hstack", regions, origin, horizontal=True)

    def vstack(self, regions: list[CodeRegion], origin: IntVector | None = None) -> int:
        """Regions one below the other."""
        return self._stack("vstack", regions, origin, horizontal=False)

    # --------------------------------------------------------------------------------------- compile

    def compile(
        self,
        out_prefix: str,
        libs: list[str] | None = None,
        cslc_prefix: str = "",
        save_port_map: bool = False,
        f16_type: FP16TYPE = FP16TYPE.F16,
    ) -> SdkCompileArtifacts:
        """Compile into folder `out_prefix`. `cslc_prefix` is taken and not needed: this is the compiler."""
        from wafersim.runtime.layout import build

        if FP16TYPE(f16_type) != FP16TYPE.F16:
            raise SdkError(f"f16_type {FP16TYPE(f16_type).name} is not supported, only F16 is")
        return build.compile_layout(self, out_prefix, libs or [])

    # ---------------------------------------------------------------------------------------- inside

    def _take(self, port: PortHandle) -> None:
        if port.used:
            raise SdkError(f"port '{port.name}' cannot be used for internal connection: it is connected already")
        port.used = True

    def _stream(self, port: PortHandle, location: IntVector | None, to_device: bool) -> str:
        if len(port.tiles()) != 1:
            raise SdkError(
                f"port '{port.name}' has {len(port.tiles())} PEs: host streams are possible for ports of one PE only"
            )
        self._take(port)
        self.streams.append(Stream(self._name(port.name), to_device, port, location))
        return self.streams[-1].name

    def _stream_from(self, loc: IntVector, color: Color, prefix: str, to_device: bool) -> str:
        name = self._name(f"{prefix}{color.get_global_name()}_{loc.x}_{loc.y}")
        self.streams.append(Stream(name, to_device, None, loc, color))
        return name

    def _name(self, name: str) -> str:
        if any(stream.name == name for stream in self.streams):
            raise SdkError(f"there is a stream '{name}' already: give another prefix")
        return name

    def _stack(self, name: str, regions: list[CodeRegion], origin: IntVector | None, horizontal: bool) -> int:
        if not regions:
            raise SdkError(f"'{name}' requires at least one child.")
        place = origin or regions[0].origin
        for region in regions:
            region.place(place.x, place.y)
            step = IntVector(region.width, 0) if horizontal else IntVector(0, region.height)
            place = place + step
        return 0
