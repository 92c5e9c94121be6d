// `_engine.Mesh`: the wafer as Python sees it. The signatures for readers are in src/wafersim/_engine.pyi.
#include "mesh.h"

#include <nanobind/stl/array.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/unique_ptr.h>
#include <nanobind/stl/vector.h>

#include "convert.h"
#include "fast/mesh.h"
#include "observers/trace.h"
#include "wafersim/mesh.h"

namespace wafersim {

namespace {

using Kind = Ticket::Kind;

std::unique_ptr<Mesh> make_mesh(nb::handle image, nb::handle machine, const std::string& engine, int threads,
                                const std::array<int, 3>& block, bool eager) {
    const Settings settings(value_from(machine));
    Image loaded = load_image(value_from(image), Machine(settings));
    const fast::Threads shared{threads, {block[0], block[1], block[2]}, eager};
    if (engine == "fast") return std::make_unique<fast::FastMesh>(std::move(loaded), settings, shared);
    if (engine == "reference") return std::make_unique<Mesh>(std::move(loaded), settings);
    throw ConfigError("no engine '" + engine + "': reference or fast");
}

const char* run(Mesh& mesh, uint64_t max_cycles, const std::vector<uint32_t>& tickets) {
    static constexpr const char* names[] = {"done", "idle", "deadlock", "fault", "budget"};
    nb::gil_scoped_release release;
    return names[static_cast<size_t>(mesh.run(max_cycles, tickets))];
}

nb::object read(Mesh& mesh, int x, int y, int64_t address, int64_t words) {
    const Pe& pe = mesh.pe(x, y);
    std::vector<uint16_t> result(static_cast<size_t>(std::max<int64_t>(words, 0)));
    if (pe.alive()) pe.memory.read(address, words, result.data());  // that of other PEs is never written
    return array_of(std::move(result), {static_cast<size_t>(words)});
}

void write(Mesh& mesh, int x, int y, int64_t address, Input<uint16_t> words) {
    Memory& memory = mesh.pe(x, y).memory;
    memory.check(address, static_cast<int64_t>(words.size()), "write");
    std::copy_n(words.data(), words.size(), memory.data() + address);
}

Ticket command(Kind kind, Rect rect, std::vector<int> per_program) {
    Ticket t;
    t.kind = kind;
    t.rect = rect;
    t.per_program = std::move(per_program);
    return t;
}

uint32_t launch(Mesh& mesh, int x, int y, int w, int h, std::vector<int> functions, std::vector<uint64_t> arguments) {
    Ticket t = command(Kind::launch, {x, y, w, h}, std::move(functions));
    t.arguments = std::move(arguments);
    return mesh.add(std::move(t));
}

uint32_t copy_in(Mesh& mesh, int x, int y, int w, int h, std::vector<int> addresses, uint32_t words,
                 Input<uint16_t> data, bool indirect) {
    Ticket t = command(Kind::copy_in, {x, y, w, h}, std::move(addresses));
    t.words = words;
    t.given = {data.data(), data.size()};
    // Given back whenever the ticket is done with it, by whichever thread that finds out.
    t.owner = std::shared_ptr<const void>(new Input<uint16_t>(data), [](const void* array) {
        nb::gil_scoped_acquire guard;
        delete static_cast<const Input<uint16_t>*>(array);
    });
    t.indirect = indirect;
    return mesh.add(std::move(t));
}

uint32_t copy_out(Mesh& mesh, int x, int y, int w, int h, std::vector<int> addresses, uint32_t words, bool indirect) {
    Ticket t = command(Kind::copy_out, {x, y, w, h}, std::move(addresses));
    t.words = words;
    t.indirect = indirect;
    return mesh.add(std::move(t));
}

Ticket stream(Kind kind, Rect rect, Side side, int color, uint32_t wavelets) {
    Ticket t;
    t.kind = kind;
    t.rect = rect;
    t.side = side;
    t.color = color;
    t.words = wavelets;
    return t;
}

uint32_t stream_in(Mesh& mesh, int x, int y, int w, int h, int color, Input<uint32_t> data) {
    const size_t area = static_cast<size_t>(std::max(w, 1)) * static_cast<size_t>(std::max(h, 1));
    Ticket t = stream(Kind::stream_in, {x, y, w, h}, side_host, color, static_cast<uint32_t>(data.size() / area));
    t.wavelets = vector_of(data);
    return mesh.add(std::move(t));
}

uint32_t stream_out(Mesh& mesh, int x, int y, int w, int h, int color, uint32_t n) {
    return mesh.add(stream(Kind::stream_out, {x, y, w, h}, side_host, color, n));
}

// `side` is a number of `ir.program.Dir`: 2 east, 4 west, 8 south, 16 north.
Side side_of(int dir) {
    for (int side = 0; side < side_count; ++side)
        if (dir == 1 << side) return static_cast<Side>(side);
    throw std::invalid_argument("no side: " + std::to_string(dir));
}

uint32_t edge_send(Mesh& mesh, int x, int y, int side, int color, Input<uint32_t> data, std::vector<uint8_t> controls) {
    Ticket t = stream(Kind::edge_send, {x, y, 1, 1}, side_of(side), color, static_cast<uint32_t>(data.size()));
    t.wavelets = vector_of(data);
    t.controls = std::move(controls);
    return mesh.add(std::move(t));
}

uint32_t edge_receive(Mesh& mesh, int x, int y, int side, int color, uint32_t n) {
    return mesh.add(stream(Kind::edge_receive, {x, y, 1, 1}, side_of(side), color, n));
}

// Data of a copy (16-bit words) or stream (32-bit wavelets) out of the mesh, [h, w, n]. The mesh does not keep copies.
nb::object result(Mesh& mesh, uint32_t number) {
    const Ticket& t = mesh.ticket(number);
    const auto h = static_cast<size_t>(t.rect.h), w = static_cast<size_t>(t.rect.w);
    if (t.kind == Kind::copy_out) {
        if (t.remaining || t.words_data.empty()) throw std::invalid_argument("the copy is not done, or was taken before");
        return array_of(mesh.take_words(number), {h, w, t.words});
    }
    if (t.kind == Kind::stream_out || t.kind == Kind::edge_receive) return array_of(t.wavelets, {h, w, t.words});
    throw std::invalid_argument("ticket " + std::to_string(number) + " brings no data");
}

nb::object log(Mesh& mesh) {
    nb::list lines;
    for (const LogLine& line : mesh.take_log()) lines.append(nb::make_tuple(line.cycle, line.x, line.y, line.text));
    return lines;
}

nb::dict dict_of(const FaultReport& f) {
    nb::dict d;
    d["x"] = f.x;
    d["y"] = f.y;
    d["cycle"] = f.cycle;
    d["message"] = f.message;
    d["task"] = f.task;
    d["function"] = f.function;
    d["file"] = f.file;
    d["line"] = f.line;
    d["col"] = f.column;
    return d;
}

nb::object fault(const Mesh& mesh) { return mesh.fault() ? nb::object(dict_of(*mesh.fault())) : nb::none(); }

nb::object warnings(const Mesh& mesh) {
    nb::list reports;
    for (const FaultReport& report : mesh.warnings()) reports.append(dict_of(report));
    return reports;
}

void trace(Mesh& mesh, const std::string& path, const std::string& what) {
    if (path.empty()) mesh.stop_watching();
    else mesh.watch(trace_to_file(path, what));
}

}  // namespace

void register_mesh(nb::module_& m) {
    using namespace nb::literals;
    nb::exception<ConfigError>(m, "ConfigError", PyExc_ValueError);
    nb::exception<Fault>(m, "AccessError", PyExc_IndexError);
    nb::class_<Mesh>(m, "Mesh")
        .def(nb::new_(&make_mesh), "image"_a, "machine"_a, "engine"_a = "reference", "threads"_a = 0,
             "block"_a = std::array{0, 0, 0}, "eager"_a = false)
        .def_prop_ro("cycle", &Mesh::cycle)
        .def_prop_ro("width", [](const Mesh& mesh) { return mesh.image().width; })
        .def_prop_ro("height", [](const Mesh& mesh) { return mesh.image().height; })
        .def("run", &run, "max_cycles"_a, "tickets"_a)
        .def(
            "done", [](Mesh& mesh, uint32_t t) { return mesh.done(t); }, "ticket"_a)
        .def("read", &read, "x"_a, "y"_a, "address"_a, "words"_a)
        .def("write", &write, "x"_a, "y"_a, "address"_a, "words"_a)
        .def("launch", &launch, "x"_a, "y"_a, "w"_a, "h"_a, "function_per_program"_a, "args"_a)
        .def("copy_in", &copy_in, "x"_a, "y"_a, "w"_a, "h"_a, "address_per_program"_a, "words"_a, "data"_a,
             "indirect"_a = false)
        .def("copy_out", &copy_out, "x"_a, "y"_a, "w"_a, "h"_a, "address_per_program"_a, "words"_a,
             "indirect"_a = false)
        .def("stream_in", &stream_in, "x"_a, "y"_a, "w"_a, "h"_a, "color"_a, "data"_a)
        .def("stream_out", &stream_out, "x"_a, "y"_a, "w"_a, "h"_a, "color"_a, "n"_a)
        .def("edge_send", &edge_send, "x"_a, "y"_a, "side"_a, "color"_a, "data"_a,
             "controls"_a = std::vector<uint8_t>())
        .def("edge_receive", &edge_receive, "x"_a, "y"_a, "side"_a, "color"_a, "n"_a)
        .def("result", &result, "ticket"_a)
        .def("log", &log)
        .def("fault", &fault)
        .def("warnings", &warnings)
        .def("set_strict", &Mesh::set_strict, "strict"_a)
        .def("deadlock", [](const Mesh& mesh) { return object_from(mesh.deadlock()); })
        .def("state_bytes", &Mesh::state_bytes)
        .def("stats", [](const Mesh& mesh) { return object_from(mesh.stats()); })
        .def("trace", &trace, "path"_a, "what"_a = "")
        .def("pe_state", [](Mesh& mesh, int x, int y) { return object_from(mesh.pe(x, y).describe()); }, "x"_a, "y"_a);
}

}  // namespace wafersim
