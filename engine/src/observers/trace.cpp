// Text trace of a run: `cycle PE(x,y) event ...`, in the order of the simulation.
#include "trace.h"

#include <fstream>

#include "wafersim/error.h"
#include "wafersim/program.h"

namespace wafersim {

namespace {

class Trace final : public Observer {
public:
    Trace(const std::string& path, const std::string& what)
        : out_(path),
          wavelets_(wants(what, "wavelets")),
          tasks_(wants(what, "tasks")),
          operations_(wants(what, "operations")) {
        if (!out_) throw ConfigError("cannot write the trace '" + path + "'");
    }

    void wavelet_moved(uint64_t cycle, int x, int y, int from, int to, const Wavelet& w) override {
        if (!wavelets_) return;
        line(cycle, x, y) << (w.control ? "control " : "wavelet ") << static_cast<int>(w.color) << ' '
                          << side_names[static_cast<size_t>(from)] << " ->";
        for (size_t side = 0; side < side_count; ++side)
            if (to >> side & 1) out_ << ' ' << side_names[side];
        out_ << " 0x" << std::hex << w.data << std::dec << '\n';
    }
    void task_started(uint64_t cycle, int x, int y, int id, const std::string& name) override {
        if (tasks_) line(cycle, x, y) << "task " << id << ' ' << name << '\n';
    }
    void task_ended(uint64_t cycle, int x, int y) override {
        if (tasks_) line(cycle, x, y) << "end\n";
    }
    void operation_started(uint64_t cycle, int x, int y, int thread, const char* name, uint32_t length) override {
        if (operations_) line(cycle, x, y) << "thread " << thread << " @" << name << ' ' << length << '\n';
    }
    void operation_ended(uint64_t cycle, int x, int y, int thread) override {
        if (operations_) line(cycle, x, y) << "thread " << thread << " done\n";
    }

private:
    static bool wants(const std::string& what, const char* kind) {
        return what.empty() || what.find(kind) != std::string::npos;
    }
    std::ostream& line(uint64_t cycle, int x, int y) { return out_ << cycle << " PE(" << x << ',' << y << ") "; }

    std::ofstream out_;
    bool wavelets_, tasks_, operations_;
};

}  // namespace

std::unique_ptr<Observer> trace_to_file(const std::string& path, const std::string& what) {
    return std::make_unique<Trace>(path, what);
}

}  // namespace wafersim
