import Foundation
import Machine
import Torch

/// What the doctor looks at, subject by subject.
enum DoctorExamination {
    /// libtorch, its build, and the devices that it can use.
    static func engine() -> [DoctorFinding] {
        var findings: [DoctorFinding] = []
        let expected = "2.11 to 2.13"
        let version = TorchRuntime.version
        let fix = "make setup installs the version that Syrinx is tested with"
        if ["2.11.", "2.12.", "2.13."].contains(where: version.hasPrefix) {
            findings.append(.good("libtorch", version))
        } else {
            findings.append(.problem("libtorch", "\(version); tested versions are \(expected)", fix: fix))
        }
        let library = LoadedLibrary.named("libtorch_cpu")
        findings.append(.good("found at", library.map { folder(of: $0.path) } ?? "linked into the program"))
        findings.append(.good("build", buildSummary(hasCUDA: TorchRuntime.hasCUDA, buildInfo: TorchRuntime.buildInfo)))

        let devices = Device.available
        findings.append(.good("devices", devices.map(\.description).joined(separator: ", ")))
        if hasNvidiaDriver, !devices.contains(where: { $0.kind == .cuda }) {
            let why = TorchRuntime.hasCUDA ? "libtorch finds no usable GPU" : "this libtorch supports only the CPU"
            findings.append(
                .note(
                    "GPU", "an NVIDIA driver is installed, but \(why)",
                    fix: "make setup SYRINX_LIBTORCH=cuda && make build"
                ))
        }
        return findings
    }

    /// The processor's features, and whether threads are set up so that shared cores stay fast.
    static func processor() -> [DoctorFinding] {
        let features = CPUFeatures.current
        let processors = MachineProcessors.current
        var findings: [DoctorFinding] = [.good("processor", features.modelName ?? "unnamed")]
        #if arch(x86_64)
            findings.append(
                features.hasAVX2
                    ? .good("vectors", "libtorch uses \(TorchRuntime.cpuCapability)")
                    : .note("vectors", "no AVX2: libtorch falls back to its slowest kernels"))
            let named = [
                ("avx2", features.hasAVX2), ("avx512f", features.hasAVX512), ("avx512_bf16", features.hasAVX512BF16),
                ("amx_bf16", features.hasAMXBF16), ("amx_int8", features.hasAMXInt8),
            ]
            findings.append(.good("features", named.filter(\.1).map(\.0).joined(separator: " ")))
        #endif
        findings.append(kernels())
        findings.append(bf16())
        let quota = processors.quota.map { ", \($0) of them allowed by the container" } ?? ""
        findings.append(.good("cores", "\(processors.count)\(quota)"))
        findings.append(threads(processors))
        findings.append(waitPolicy())
        return findings
    }

    /// The class of our CPU kernels, and whether it was asked for.
    private static func kernels() -> DoctorFinding {
        let asked = ProcessInfo.processInfo.environment["SYRINX_KERNEL_CLASS"].map { !$0.isEmpty } ?? false
        return .good("kernels", "\(KernelClass.current)\(asked ? ", set by SYRINX_KERNEL_CLASS" : "")")
    }

    /// What bfloat16 is good for in this class of kernels.
    private static func bf16() -> DoctorFinding {
        switch KernelClass.current {
        case .amx: .good("bf16", "matrix tiles (AMX): bf16 trains several times faster than fp32")
        case .avx512BF16: .good("bf16", "vector products (AVX-512 BF16): bf16 trains faster than fp32")
        case .portable, .neon, .avx2, .avx512:
            .good("bf16", "computed in fp32: bf16 halves memory and decodes faster than fp32, but trains slower")
        }
    }

    private static func threads(_ processors: MachineProcessors) -> DoctorFinding {
        let count = TorchRuntime.threadCount
        let usable = processors.usable
        if count <= usable { return .good("threads", "\(count) for one operation") }
        return .note(
            "threads", "\(count) for one operation, but only \(usable) can run at once",
            fix: "export OMP_NUM_THREADS=\(usable)")
    }

    /// The command sets the policy itself, so anything else here was chosen by the user.
    private static func waitPolicy() -> DoctorFinding {
        #if canImport(Darwin)
            return .good("OpenMP waits", "by the system's library")
        #else
            let environment = ProcessInfo.processInfo.environment
            let policy = environment["OMP_WAIT_POLICY"] ?? "not set"
            let spins = environment["GOMP_SPINCOUNT"] ?? "not set"
            let value = "OMP_WAIT_POLICY=\(policy) GOMP_SPINCOUNT=\(spins)"
            if policy.lowercased() == "passive" { return .good("OpenMP waits", value) }
            return .problem(
                "OpenMP waits", "\(value): idle threads spin, which can be ten times slower on shared cores",
                fix: "unset OMP_WAIT_POLICY GOMP_SPINCOUNT (syrinx then sets them itself)")
        #endif
    }

    /// Memory and disk against what the demo needs.
    static func space() -> [DoctorFinding] {
        var findings: [DoctorFinding] = []
        if let memory = MachineMemory.current {
            let limit = memory.limit.map { ", limited to \(gigabytes($0))" } ?? ""
            let available = memory.available.map { ", \(gigabytes($0)) available" } ?? ""
            let value = "\(gigabytes(memory.total))\(limit)\(available)"
            let needed = 4_000_000_000
            findings.append(
                memory.usable >= needed
                    ? .good("memory", value)
                    : .problem(
                        "memory", value,
                        fix: "the demo needs \(gigabytes(needed)): raise the limit or use a larger machine"))
        } else {
            findings.append(.note("memory", "the system does not report it"))
        }
        let folder = FileManager.default.currentDirectoryPath
        if let free = MachineDisk.freeBytes(at: folder) {
            let needed = 3_000_000_000
            findings.append(
                free >= needed
                    ? .good("disk", "\(gigabytes(free)) free in \(folder)")
                    : .problem(
                        "disk", "\(gigabytes(free)) free in \(folder)",
                        fix:
                            "the demo's data and checkpoints need \(gigabytes(needed)): free some space or run elsewhere"
                    ))
        }
        return findings
    }

    /// The libraries that this process really loaded, each with its version where it tells one.
    static func libraries() -> [DoctorFinding] {
        let loaded = LoadedLibrary.all
        return DoctorLibrary.all.map { library in
            guard let found = LoadedLibrary.named(library.fileName, in: loaded) else {
                return .note(library.name, "not loaded: linked statically, or not used by this build", fix: nil)
            }
            return .good(library.name, library.version().map { "\($0) (\(found.fileName))" } ?? found.fileName)
        }
    }

    /// What `syrinx data fetch` needs for the starter corpus.
    static func data() -> [DoctorFinding] {
        #if canImport(Darwin)
            return [
                .note("packages", "the starter corpus comes from Debian packages; here rendered scenes replace it")
            ]
        #else
            let missing = ["apt-get", "dpkg-deb"].filter { !isOnPath($0) }
            if missing.isEmpty {
                return [.good("packages", "apt-get and dpkg-deb are installed: the starter corpus can be fetched")]
            }
            return [
                .note(
                    "packages",
                    "no \(missing.joined(separator: " and no ")): rendered scenes replace the starter corpus")
            ]
        #endif
    }

    // MARK: - Small helpers

    /// Bytes as decimal gigabytes with one decimal.
    static func gigabytes(_ bytes: Int) -> String { String(format: "%.1f GB", Double(bytes) / 1e9) }

    private static func folder(of path: String) -> String {
        path.split(separator: "/", omittingEmptySubsequences: false).dropLast().joined(separator: "/")
    }

    private static func isOnPath(_ program: String) -> Bool {
        let path = ProcessInfo.processInfo.environment["PATH"] ?? ""
        return path.split(separator: ":").contains { FileManager.default.isExecutableFile(atPath: "\($0)/\(program)") }
    }

    /// True when the driver of an NVIDIA GPU is loaded, whatever libtorch thinks of it.
    private static var hasNvidiaDriver: Bool {
        FileManager.default.fileExists(atPath: "/proc/driver/nvidia/version")
            || FileManager.default.fileExists(atPath: "/dev/nvidiactl")
    }

    /// CPU or CUDA, with the arithmetic libraries that libtorch names in its own description.
    private static func buildSummary(hasCUDA: Bool, buildInfo: String) -> String {
        var parts = [hasCUDA ? "CUDA" : "CPU"]
        for marker in ["oneDNN v", "MKL-DNN v", "oneAPI Math Kernel Library Version ", "OpenMP "] {
            guard let range = buildInfo.range(of: marker) else { continue }
            let version = buildInfo[range.upperBound...].prefix { $0.isNumber || $0 == "." }
            let name =
                marker.hasPrefix("MKL-DNN")
                ? "oneDNN" : marker.hasPrefix("oneAPI") ? "MKL" : String(marker.split(separator: " ")[0])
            parts.append("\(name) \(version)".trimmingCharacters(in: .whitespaces))
        }
        return parts.joined(separator: ", ")
    }
}
