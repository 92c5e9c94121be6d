"""What a layout refuses, and how colors and paths are chosen; nothing is compiled here."""

import numpy as np
import pytest

from wafersim.ir.program import Dir
from wafersim.runtime.enums import Edge, Route, SdkTarget
from wafersim.runtime.errors import SdkError, SdkTypeError
from wafersim.runtime.geometry import IntRectangle, IntVector
from wafersim.runtime.layout import Color, RoutingPosition, SdkLayout, build, colors, get_edge_routing, paths
from wafersim.runtime.platform import get_simulator

FROM_RAMP = RoutingPosition().set_input([Route.RAMP])
TO_RAMP = RoutingPosition().set_output([Route.RAMP])
THROUGH = RoutingPosition().set_input([Route.WEST]).set_output([Route.EAST])


@pytest.fixture
def layout():
    return SdkLayout(get_simulator())


def region(layout, name="r", width=1, height=1, at=(0, 0)):
    made = layout.create_code_region(f"{name}.csl", name, width, height)
    made.place(*at)
    return made


def routed(layout):
    """The canvas with all paths painted, and the physical colors."""
    canvas = build._canvas(layout)
    groups = colors.families(canvas, layout.connections)
    for source, target in layout.connections:
        paths.connect(canvas, source, target, groups[source.color.get_global_name()])
    links = {stream.name: build._link(canvas, stream, groups) for stream in layout.streams}
    return canvas, colors.allocate(canvas, groups), links


def follow(canvas, name, tile, side):
    """Tiles a wavelet of color `name` passes after leaving `tile` by `side`, up to a router with a ramp."""
    steps = {Dir.EAST: (1, 0), Dir.WEST: (-1, 0), Dir.SOUTH: (0, 1), Dir.NORTH: (0, -1)}
    back = {Dir.EAST: Dir.WEST, Dir.WEST: Dir.EAST, Dir.SOUTH: Dir.NORTH, Dir.NORTH: Dir.SOUTH}
    passed = []
    while side != Dir.RAMP:
        tile = (tile[0] + steps[side][0], tile[1] + steps[side][1])
        passed.append(tile)
        names = [other for other in canvas.routes if other in name and tile in canvas.routes[other]]
        assert len(names) == 1, f"router {tile} has routes of {names}"
        rx, tx = canvas.routes[names[0]][tile][0]
        assert rx == back[side], f"router {tile} does not take wavelets from there"
        side = Dir(tx)
    return passed


# -------------------------------------------------------------------------------------------------- paths


def test_connection_leads_from_ramp_to_ramp(layout):
    left, right = region(layout, "left", at=(1, 1)), region(layout, "right", at=(5, 4))
    tx, rx = left.color("tx"), right.color("rx")
    layout.connect(
        left.create_output_port(tx, Edge.RIGHT, [FROM_RAMP], 4), right.create_input_port(rx, Edge.LEFT, [TO_RAMP], 4)
    )
    canvas, values, _ = routed(layout)
    first = canvas.routes["left.tx"][1, 1][0]
    assert first[0] == Dir.RAMP
    passed = follow(canvas, {"left.tx", "right.rx"}, (1, 1), Dir(first[1]))
    assert passed[-1] == (5, 4)
    assert len(passed) == 4 + 3
    assert values["left.tx"] == values["right.rx"]


def test_path_goes_around_routers_of_its_own_color(layout):
    wall = region(layout, "wall", 1, 3, at=(2, 0))
    shared = Color("shared", 5)
    wall.paint_all(shared, [THROUGH])
    left, right = region(layout, "left", at=(0, 1)), region(layout, "right", at=(4, 1))
    layout.connect(
        left.create_output_port(shared, Edge.RIGHT, [FROM_RAMP], 1),
        right.create_input_port(Color("rx"), Edge.LEFT, [TO_RAMP], 1),
    )
    canvas, values, _ = routed(layout)
    passed = follow(canvas, {"shared", "rx"}, (0, 1), Dir(canvas.routes["shared"][0, 1][0][1]))
    assert not {(2, 0), (2, 1), (2, 2)} & set(passed)
    assert values == {"shared": 5, "rx": 5}


def test_parallel_connections_stay_apart(layout):
    top, bottom = region(layout, "top", 3, 1), region(layout, "bottom", 3, 1, at=(0, 3))
    layout.connect(
        top.create_output_port(Color("a"), Edge.BOTTOM, [FROM_RAMP], 1),
        bottom.create_input_port(Color("b"), Edge.TOP, [TO_RAMP], 1),
    )
    canvas, _, _ = routed(layout)
    for x in range(3):
        assert follow(canvas, {"a", "b"}, (x, 0), Dir.SOUTH) == [(x, 1), (x, 2), (x, 3)]


def test_port_keeps_its_switch_positions(layout):
    mux, sink = region(layout, "mux", 1, 2, at=(1, 1)), region(layout, "sink", at=(3, 1))
    forward = RoutingPosition().set_input([Route.SOUTH])
    port = mux.create_output_port(Color("out"), Edge.TOP, [FROM_RAMP, forward], 2)
    layout.connect(port, sink.create_input_port(Color("in"), Edge.LEFT, [TO_RAMP], 2))
    canvas, _, _ = routed(layout)
    switch = canvas.routes["out"][1, 1]
    assert [rx for rx, _ in switch] == [Dir.RAMP, Dir.SOUTH]
    assert switch[0][1] == switch[1][1] != Dir.SOUTH


def test_stream_at_the_border_needs_no_path(layout):
    corner = region(layout, at=(1, 0))
    name = layout.create_input_stream(corner.create_input_port(Color("rx"), Edge.LEFT, [TO_RAMP], 1))
    canvas, _, links = routed(layout)
    assert links[name] == paths.Link((1, 0), Dir.NORTH)
    assert canvas.routes["rx"] == {(1, 0): ((Dir.NORTH, Dir.RAMP),)}


def test_stream_from_inside_leads_to_the_border(layout):
    middle = region(layout, at=(4, 4))
    name = layout.create_output_stream(middle.create_output_port(Color("tx"), Edge.RIGHT, [FROM_RAMP], 1))
    canvas, _, links = routed(layout)
    x, y = links[name].tile
    assert x in (0, canvas.width - 1) or y in (0, canvas.height - 1)
    assert canvas.routes["tx"][4, 4][0] == (Dir.RAMP, Dir.EAST)
    assert canvas.routes["tx"][x, y][0][1] == links[name].side


def test_stream_at_a_given_place(layout):
    middle = region(layout, at=(4, 4))
    port = middle.create_input_port(Color("rx"), Edge.LEFT, [TO_RAMP], 1)
    name = layout.create_input_stream(port, io_loc=IntVector(0, 2))
    assert routed(layout)[2][name] == paths.Link((0, 2), Dir.WEST)


def test_no_path(layout):
    left, right = region(layout, "left"), region(layout, "right", at=(3, 3))
    busy = RoutingPosition().set_input([Route.NORTH, Route.EAST, Route.SOUTH, Route.WEST])
    layout.connect(
        left.create_output_port(Color("a"), Edge.RIGHT, [busy], 1),
        right.create_input_port(Color("b"), Edge.LEFT, [TO_RAMP], 1),
    )
    with pytest.raises(SdkError, match="no path from port 'left_a' to port 'right_b': the routers between are taken"):
        routed(layout)


# -------------------------------------------------------------------------------------------------- colors


def test_colors_that_never_meet_share_a_value(layout):
    for number in range(3):
        part = region(layout, f"r{number}", at=(number, 0))
        part.paint_all(Color(f"c{number}"), [THROUGH])
    assert set(routed(layout)[1].values()) == {0}


def test_colors_on_one_tile_differ(layout):
    part = region(layout, width=2)
    for name in "abc":
        part.paint_all(Color(name), [THROUGH])
    part.set_param_all(Color("only_a_parameter"))
    assert sorted(routed(layout)[1].values()) == [0, 1, 2, 3]


def test_pinned_values_are_kept(layout):
    part = region(layout)
    part.paint_all(Color("free"), [THROUGH])
    part.paint_all(Color("pinned", 0), [THROUGH])
    assert routed(layout)[1] == {"free": 1, "pinned": 0}


def test_pinned_values_that_meet(layout):
    part = region(layout)
    part.paint_all(Color("a", 3), [THROUGH])
    part.paint_all(Color("b", 3), [THROUGH])
    with pytest.raises(SdkError, match="color 'b' has value 3, which another color has on the same tile"):
        routed(layout)


def test_too_many_colors(layout):
    part = region(layout)
    for number in range(25):
        part.paint_all(Color(f"c{number}"), [THROUGH])
    with pytest.raises(SdkError, match="no free value for color 'c24': more than 24 colors meet on one tile"):
        routed(layout)


def test_connected_colors_with_different_values(layout):
    left, right = region(layout, "left"), region(layout, "right", at=(2, 0))
    layout.connect(
        left.create_output_port(Color("a", 1), Edge.RIGHT, [FROM_RAMP], 1),
        right.create_input_port(Color("b", 2), Edge.LEFT, [TO_RAMP], 1),
    )
    with pytest.raises(SdkError, match="connected colors 'a', 'b' have different values: 1, 2"):
        routed(layout)


def test_names_of_colors(layout):
    part = region(layout, "part")
    assert (Color("tx").get_global_name(), Color("tx").get_local_param_name()) == ("tx", "tx")
    scoped = part.color("tx", 7)
    assert (scoped.get_global_name(), scoped.get_local_param_name(), scoped.get_value()) == ("part.tx", "tx", 7)
    part.paint_all(Color("tx", 1), [THROUGH])
    part.set_param_all(Color("tx", 2))
    with pytest.raises(SdkError, match="color 'tx' has two values, 1 and 2"):
        routed(layout)


# ------------------------------------------------------------------------------------------------- refusals


def test_values_of_colors():
    with pytest.raises(SdkError, match="color 'c': value 24 is no color"):
        Color("c", 24)
    with pytest.raises(SdkTypeError, match="the name of a color must be a string, got 3"):
        Color(3)  # type: ignore[arg-type]


def test_regions_that_overlap(layout):
    region(layout, "a", 2, 2)
    region(layout, "b", 2, 2, at=(1, 1))
    with pytest.raises(SdkError, match=r"regions 'a' and 'b' overlap at \(1, 1\)"):
        routed(layout)


def test_regions_out_of_range(layout):
    with pytest.raises(SdkError, match="at least one PE, got 0 x 1"):
        layout.create_code_region("a.csl", "a", 0, 1)
    with pytest.raises(SdkError, match=r"'r' cannot be placed at \(-1, 0\)"):
        region(layout, at=(-1, 0))
    with pytest.raises(SdkError, match="there is a region 'r' already"):
        region(layout)


@pytest.mark.parametrize("corner", [(3, 1), (1, 3), (0, 0)])
def test_areas_outside_of_the_region(layout, corner):
    part = region(layout, width=2, height=2)
    area = IntRectangle(IntVector(0, 0), IntVector(*corner))
    with pytest.raises(SdkError, match=r"is not inside region 'r' of 2 x 2 PEs"):
        part.set_param_range(area, "p", 1)
    with pytest.raises(SdkError, match=r"c: \(2, 0\) to \(3, 1\) is not inside region"):
        part.paint(IntVector(2, 0), Color("c"), [THROUGH])


def test_ports(layout):
    part = region(layout)
    with pytest.raises(SdkError, match=r"input port cannot have input route\."):
        part.create_input_port(Color("a"), Edge.LEFT, [FROM_RAMP], 1)
    with pytest.raises(SdkError, match=r"output port cannot have output route\."):
        part.create_output_port(Color("a"), Edge.LEFT, [TO_RAMP], 1)
    with pytest.raises(SdkError, match="data_size must be positive, got 0"):
        part.create_output_port(Color("a"), Edge.LEFT, [FROM_RAMP], 0)
    part.create_output_port(Color("a"), Edge.LEFT, [FROM_RAMP], 1)
    with pytest.raises(SdkError, match="has a port 'r_a' already: give another prefix"):
        part.create_output_port(Color("a"), Edge.RIGHT, [FROM_RAMP], 1)
    part.create_output_port(Color("a"), Edge.RIGHT, [FROM_RAMP], 1, "second_")


def test_positions(layout):
    part = region(layout)
    with pytest.raises(SdkError, match="1 to 4 routing positions, got 5"):
        part.paint_all(Color("a"), [THROUGH] * 5)
    with pytest.raises(SdkError, match=r"needs both an input and an output"):
        part.paint_all(Color("a"), [TO_RAMP])
    with pytest.raises(SdkTypeError, match="list of RoutingPosition, got 3"):
        get_edge_routing(Edge.LEFT, [3])  # type: ignore[list-item]
    position = RoutingPosition().add_input(Route.WEST).add_output(Route.EAST).add_output(Route.RAMP)
    assert (position.get_input(), position.get_output()) == ([Route.WEST], [Route.EAST, Route.RAMP])


def test_connections(layout):
    left, right = region(layout, "left", 1, 2), region(layout, "right", 1, 3, at=(3, 0))
    out = left.create_output_port(Color("a"), Edge.RIGHT, [FROM_RAMP], 4)
    into = right.create_input_port(Color("b"), Edge.LEFT, [TO_RAMP], 5)
    with pytest.raises(SdkError, match="an output port goes to an input port"):
        layout.connect(into, out)
    with pytest.raises(SdkError, match=r"incompatible data sizes\. Port 'left_a' has 4, port 'right_b' has 5"):
        layout.connect(out, into)
    same = right.create_input_port(Color("c"), Edge.LEFT, [TO_RAMP], 4)
    with pytest.raises(SdkError, match=r"incompatible number of PEs\. Port 'left_a' has 2, port 'right_c' has 3"):
        layout.connect(out, same)
    with pytest.raises(SdkError, match="port 'left_a' has 2 PEs: host streams are possible for ports of one PE only"):
        layout.create_output_stream(out)


def test_streams(layout):
    part = region(layout)
    out = part.create_output_port(Color("a"), Edge.RIGHT, [FROM_RAMP], 4)
    with pytest.raises(SdkError, match="'r_a' is an output port"):
        layout.create_input_stream(out)
    assert layout.create_output_stream(out) == "r_a"
    with pytest.raises(SdkError, match="cannot be used for internal connection: it is connected already"):
        layout.create_output_stream(out)


def test_symbols(layout):
    part = region(layout, width=2)
    with pytest.raises(SdkError, match=r"array has 5 elements, not 2 \* 2"):
        part.set_symbol_all("s", np.zeros(5, np.float32), 2, 2)
    with pytest.raises(SdkError, match="3 x 1 cannot be divided among 2 x 1 PEs"):
        part.set_symbol_all("s", np.zeros(3, np.float32), 3, 1)
    with pytest.raises(SdkTypeError, match="dtype float64 is not supported"):
        part.set_symbol_all("s", np.zeros(4), 2, 2)


def test_stacks(layout):
    parts = [layout.create_code_region("a.csl", name, 2, 3) for name in "abc"]
    layout.hstack(parts, IntVector(1, 1))
    assert [tuple(part.origin) for part in parts] == [(1, 1), (3, 1), (5, 1)]
    layout.vstack(parts)
    assert [tuple(part.origin) for part in parts] == [(1, 1), (1, 4), (1, 7)]
    with pytest.raises(SdkError, match="'hstack' requires at least one child"):
        layout.hstack([])


def test_construction():
    assert SdkLayout(SdkTarget.WSE2).platform.target == SdkTarget.WSE2
    with pytest.raises(SdkTypeError, match="expected an SdkExecutionPlatform or an SdkTarget, got 'out'"):
        SdkLayout("out")  # type: ignore[arg-type]
    with pytest.raises(SdkError, match="the layout has no code region"):
        SdkLayout(SdkTarget.WSE3).compile("out")
