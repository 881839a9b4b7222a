/// What the processor can do that decides how fast models run.
public struct CPUFeatures: Sendable, Equatable {
    /// The processor's name as it gives it, or nil where it gives none.
    public var modelName: String?
    /// The names of all features, as Linux writes them in /proc/cpuinfo (`avx2`, `amx_bf16`, `bf16` on Arm).
    public var flags: Set<String>

    /// Matrix tiles for bfloat16: training in bf16 is then several times faster than in fp32.
    public var hasAMXBF16: Bool { flags.isSuperset(of: ["amx_tile", "amx_bf16"]) }
    /// Matrix tiles for 8-bit integers.
    public var hasAMXInt8: Bool { flags.isSuperset(of: ["amx_tile", "amx_int8"]) }
    /// Vector products of bfloat16 numbers, 512 bits wide.
    public var hasAVX512BF16: Bool { flags.contains("avx512_bf16") }
    /// Whether bf16 matrices are multiplied in hardware, by tiles (AMX) or by vectors (AVX-512 BF16).
    public var multipliesBF16: Bool { hasAMXBF16 || hasAVX512BF16 }
    /// Vectors of 512 bits.
    public var hasAVX512: Bool { flags.contains("avx512f") }
    /// Vectors of 256 bits, which libtorch's fast kernels need at least on x86-64.
    public var hasAVX2: Bool { flags.contains("avx2") }
    /// Products of bfloat16 numbers on Arm.
    public var hasArmBF16: Bool { flags.contains("bf16") }

    /// Features of one's own, for a plan made for another machine.
    public init(modelName: String?, flags: Set<String>) {
        self.modelName = modelName
        self.flags = flags
    }

    /// Reads the text of /proc/cpuinfo; the first processor speaks for all.
    package init(cpuinfo: String) {
        var name: String?
        var flags: Set<String>?
        for line in cpuinfo.split(separator: "\n") {
            let parts = line.split(separator: ":", maxSplits: 1)
            guard parts.count == 2 else { continue }
            let value = parts[1].drop { $0 == " " }
            switch parts[0].filter({ $0 != "\t" }) {
            case "model name": name = name ?? String(value)
            case "flags", "Features": flags = flags ?? Set(value.split(separator: " ").map(String.init))
            default: break
            }
        }
        self.init(modelName: name, flags: flags ?? [])
    }

    /// The features of this machine, read once.
    public static let current: CPUFeatures = {
        #if canImport(Darwin)
            var flags: Set<String> = []
            let names = [
                ("hw.optional.arm.FEAT_BF16", "bf16"), ("hw.optional.arm.FEAT_I8MM", "i8mm"),
                ("hw.optional.neon", "asimd"), ("hw.optional.avx2_0", "avx2"), ("hw.optional.avx512f", "avx512f"),
            ]
            for (name, flag) in names where SystemControl.integer(name) == 1 { flags.insert(flag) }
            return CPUFeatures(modelName: SystemControl.text("machdep.cpu.brand_string"), flags: flags)
        #else
            return CPUFeatures(cpuinfo: SystemFile.text("/proc/cpuinfo") ?? "")
        #endif
    }()
}
