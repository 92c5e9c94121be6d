// FIFOs over buffers in PE memory. Whether an operation may go on is asked first (`fifo_has`, `fifo_has_room`); it goes on
// in spite of the answer only where the FIFO asks for a fault.
#include "wafersim/pe.h"

namespace wafersim {

namespace {

uint32_t capacity(const Fifo& fifo) { return static_cast<uint32_t>(fifo.words / fifo.element_words); }

int64_t slot_address(const Fifo& fifo, uint32_t slot) {
    return fifo.address + int64_t{slot % capacity(fifo)} * fifo.element_words;
}

}  // namespace

bool Pe::fifo_has(const Stream& s) const { return fifos[static_cast<size_t>(s.number)].count > 0; }

bool Pe::fifo_has_room(const Stream& s) const {
    const auto n = static_cast<size_t>(s.number);
    return fifos[n].count < capacity(program->fifos[n]);
}

uint32_t Pe::fifo_pop(const Stream& s) {
    const Fifo& fifo = program->fifos[static_cast<size_t>(s.number)];
    FifoState& state = fifos[static_cast<size_t>(s.number)];
    if (state.count == 0) throw Fault("read from the empty FIFO " + fifo.name);
    const auto value = static_cast<uint32_t>(memory.load(slot_address(fifo, state.head), s.words));
    state.head = (state.head + 1) % capacity(fifo);
    --state.count;
    if (fifo.activate_pop != none) activate(fifo.activate_pop, 0);
    return value;
}

void Pe::fifo_push(const Stream& s, uint32_t value) {
    const Fifo& fifo = program->fifos[static_cast<size_t>(s.number)];
    FifoState& state = fifos[static_cast<size_t>(s.number)];
    if (state.count >= capacity(fifo)) throw Fault("write to the full FIFO " + fifo.name);
    memory.store(slot_address(fifo, state.head + state.count), s.words, value);
    ++state.count;
    if (fifo.activate_push != none) activate(fifo.activate_push, 0);
}

}  // namespace wafersim
