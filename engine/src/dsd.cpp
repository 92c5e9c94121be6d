// From DSDs and DSRs to streams: the operands of an operation as it starts.
#include "wafersim/dsd.h"

#include "plan.h"
#include "wafersim/pe.h"

namespace wafersim {

const Shape& shape_of(const Program& program, Dsd dsd) {
    if (dsd.extra() >= program.shapes.size()) throw Fault("DSD names a shape that does not exist");
    return program.shapes[dsd.extra()];
}

namespace {

uint32_t elements_of(const Shape& shape) {
    uint32_t elements = 1;
    for (int extent : shape.extents) elements *= static_cast<uint32_t>(extent);
    return elements;
}

// The element type of an operation is the stream's, so strides become words here.
void place_in_memory(Stream& s, const Program& program, Dsd dsd) {
    s.address = dsd.address();
    s.index_offset = dsd.index_offset();
    switch (dsd.kind()) {
    case DsdKind::mem1d:
        s.kind = StreamKind::memory;
        s.step = dsd.stride() * s.words;
        break;
    case DsdKind::mem4d:
        s.kind = StreamKind::shaped;
        s.shape = &shape_of(program, dsd);
        s.length = static_cast<uint16_t>(elements_of(*s.shape));
        break;
    default:
        s.kind = StreamKind::circular;
        s.shape = &shape_of(program, dsd);
        s.step = s.words;
    }
}

}  // namespace

int64_t element_address(const Stream& s) {
    if (s.kind != StreamKind::shaped) return s.address;
    int64_t address = s.address;
    for (size_t d = 0; d < s.shape->extents.size(); ++d) address += int64_t{s.place[d]} * s.shape->strides[d] * s.words;
    return address;
}

bool skip(Stream& s, uint32_t count) {
    if (s.kind == StreamKind::memory) s.address += s.step * static_cast<int32_t>(count);
    else if (s.kind == StreamKind::shaped) return count == elements_of(*s.shape);  // back where it has begun
    return s.kind != StreamKind::circular;
}

void advance(Stream& s) {
    switch (s.kind) {
    case StreamKind::memory: s.address += s.step; break;
    case StreamKind::circular:
        s.address += s.step;
        if (s.address >= s.shape->start + s.shape->words) s.address -= s.shape->words;
        break;
    case StreamKind::shaped:
        for (size_t d = s.shape->extents.size(); d-- > 0;) {
            if (++s.place[d] < s.shape->extents[d]) break;
            s.place[d] = 0;
        }
        break;
    default: break;
    }
}

namespace {

// What few DSDs have.
void take_flags(Stream& s, Dsd dsd) {
    s.priority = static_cast<uint8_t>(dsd.priority());
    s.control_transform = dsd.control_transform();
    s.zero_first = dsd.zero_first();
    s.zero_second = dsd.zero_second();
    if (dsd.simd() == 0) return;
    s.pack = s.words == 1 ? 2 : 1;
    s.simd_elements = static_cast<uint8_t>((dsd.simd() == 1 ? 2 : 4) / s.words);
}

Stream stream_of_dsd(const Program& program, Dsd dsd, int words, bool is_destination) {
    Stream s;
    s.words = static_cast<uint8_t>(words);
    s.length = dsd.length();
    s.has_length = true;
    if (dsd.has_flags()) take_flags(s, dsd);
    switch (dsd.kind()) {
    case DsdKind::mem1d:
    case DsdKind::mem4d:
    case DsdKind::circbuf: place_in_memory(s, program, dsd); break;
    case DsdKind::fabin:
        if (is_destination) throw Fault("a fabin DSD cannot be a destination");
        s.kind = StreamKind::fabric_in;
        s.queue = static_cast<int8_t>(dsd.address());
        break;
    case DsdKind::fabout:
        if (!is_destination) throw Fault("a fabout DSD cannot be a source");
        s.kind = StreamKind::fabric_out;
        s.queue = static_cast<int8_t>(dsd.address());
        s.number = static_cast<int16_t>(dsd.address());
        s.control = dsd.control();
        s.advance_switch = dsd.advance_switch();
        s.index_offset = dsd.index_offset();
        break;
    case DsdKind::fifo:
        s.kind = StreamKind::fifo;
        s.number = static_cast<int16_t>(dsd.address());
        break;
    default: throw Fault("DSD operand is not initialised");
    }
    return s;
}

}  // namespace

Stream stream_of(const Program& program, const VecOperand& o, Dsd dsd, int words, bool is_destination) {
    Stream s;
    switch (o.kind) {
    case OperandKind::none: break;
    case OperandKind::scalar:
    case OperandKind::pointer:
        s.words = static_cast<uint8_t>(words);
        s.kind = o.kind == OperandKind::pointer && is_destination ? StreamKind::pointer : StreamKind::scalar;
        break;
    case OperandKind::dsd: return stream_of_dsd(program, dsd, words, is_destination);
    case OperandKind::dsr:
        s = stream_of_dsd(program, dsd, words, is_destination);
        s.dsr = static_cast<int16_t>(o.value);
    }
    return s;
}

FifoState& Pe::fifo_of(Dsd dsd) {
    if (dsd.kind() != DsdKind::fifo || dsd.address() >= fifos.size()) throw Fault("operand is not a FIFO");
    return fifos[dsd.address()];
}

const Dsr* Pe::dsr_of(const VecOperand& o) const {
    return o.kind == OperandKind::dsr && static_cast<size_t>(o.value) < dsrs.size() ? &dsrs[static_cast<size_t>(o.value)] : nullptr;
}

Dsd Pe::dsd_of(const VecOperand& o) const {
    if (o.kind == OperandKind::dsd) return {operand(o.value)};
    const Dsr* dsr = dsr_of(o);
    return dsr ? dsr->dsd : Dsd{};
}

namespace {

void bind_fifo(Stream& s, Pe& pe, Dsd dsd, bool is_destination) {
    const FifoState& fifo = pe.fifo_of(dsd);
    s.length = is_destination ? fifo.write_length : fifo.read_length;
    s.has_length = s.length != 0;
    s.priority = static_cast<uint8_t>(pe.program->fifos[dsd.address()].priority);
}

}  // namespace

int Pe::bind_source(Dsd dsd) {
    if (dsd.extra() != no_color) bind_input(dsd.address(), dsd.extra());
    return channel_for(dsd.address());
}

int8_t Pe::color_of_output(Dsd dsd) const {
    const size_t queue = dsd.address();
    if (queue >= outputs.size()) throw Fault("output queue " + std::to_string(queue) + " does not exist");
    const int8_t color = dsd.extra() != no_color ? static_cast<int8_t>(dsd.extra()) : outputs[queue].color;
    if (color < 0) throw Fault("output queue " + std::to_string(queue) + " has no color: @initialize_queue is missing");
    return color;
}

// What the PE says: its queues, FIFOs and DSRs, values and addresses in its registers.
void Pe::bind_stream(Stream& s, const VecOperand& o, Dsd dsd, bool is_destination) {
    switch (s.kind) {
    case StreamKind::fabric_in:
        s.number = static_cast<int16_t>(bind_source(dsd));
        break;
    case StreamKind::fabric_out: s.color = color_of_output(dsd); break;
    case StreamKind::pointer: s.address = static_cast<int32_t>(operand(o.value) & 0xffff); break;
    case StreamKind::scalar: {
        const uint64_t value = operand(o.value);
        const bool is_address = o.kind == OperandKind::pointer;
        s.scalar = static_cast<uint32_t>(is_address ? memory.load(value & 0xffff, s.words) : value);
        break;
    }
    case StreamKind::fifo: bind_fifo(s, *this, dsd, is_destination); break;
    default: break;
    }
    if (const Dsr* dsr = dsr_of(o)) {
        s.save_address = dsr->save_address || dsr->single_step;
        s.place = dsr->place;
    }
}

Stream Pe::make_stream(const VecOperand& o, int words, bool is_destination) {
    if (o.kind == OperandKind::dsr && !dsr_of(o)) throw Fault("operation uses a DSR that nothing was loaded into");
    const Dsd dsd = dsd_of(o);
    Stream s = stream_of(*program, o, dsd, words, is_destination);
    bind_stream(s, o, dsd, is_destination);
    return s;
}

Options Pe::resolve(const AsyncOptions& options) const {
    return options_with(options, [this](int number) { return operand(number); });
}

void Pe::run_dsr_load(const DsrLoad& load) {
    const Dsd dsd{operand(load.dsd)};
    dsrs[static_cast<size_t>(load.dsr)] = {
        dsd, resolve(load.options), load.options.is_async, load.save_address, load.single_step, {}};
    if (dsd.kind() == DsdKind::fabin && dsd.extra() != no_color) bind_input(dsd.address(), dsd.extra());
}

// Gives an input queue its color. Where data tasks belong to colors, the queue lends its depth to the color's
// channel; else wavelets of the color now go into the queue's channel.
void Pe::bind_input(int queue, int color) {
    const auto& depths = env->machine.queues.input_depth;
    if (static_cast<size_t>(queue) >= depths.size() || color >= 32)
        throw Fault("input queue " + std::to_string(queue) + " does not exist");
    const auto q = static_cast<size_t>(queue), c = static_cast<size_t>(color);
    if (!env->machine.tasks.data_by_queue) {
        channel_of_queue[q] = static_cast<int8_t>(color);
        channels[c].color = static_cast<int8_t>(color);
        channels[c].wavelets.set_depth(depths[q]);
        return;
    }
    if (channels[q].color == color) return;
    if (channels[q].color != none && channel_of_color[static_cast<size_t>(channels[q].color)] == queue) {
        channel_of_color[static_cast<size_t>(channels[q].color)] = -1;
    }
    channels[q].color = static_cast<int8_t>(color);
    channel_of_color[c] = static_cast<int8_t>(queue);
}

int Pe::channel_for(int queue) const {
    const int channel = queue < 16 ? channel_of_queue[static_cast<size_t>(queue)] : -1;
    if (channel < 0 || static_cast<size_t>(channel) >= channels.size()) {
        throw Fault("input queue " + std::to_string(queue) + " has no color: @initialize_queue is missing");
    }
    return channel;
}

}  // namespace wafersim
