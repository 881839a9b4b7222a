#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// How many threads can really run at once.
public struct MachineProcessors: Sendable, Equatable {
    /// Logical processors that this process may run on.
    public var count: Int
    /// Processors' worth of time that a container allows, such as 1.5; nil where it allows all.
    public var quota: Double?

    /// How many threads to start for arithmetic: never more than there is time for, at least 1.
    public var usable: Int { max(1, min(count, quota.map { Int($0.rounded(.up)) } ?? count)) }

    /// Values of one's own.
    public init(count: Int, quota: Double?) {
        self.count = count
        self.quota = quota
    }

    /// Reads version 2's `cpu.max`, such as `150000 100000` (microseconds allowed in each period) or `max 100000`.
    package static func quota(cpuMax: String) -> Double? {
        let words = cpuMax.split { $0 == " " || $0 == "\n" }
        guard words.count == 2, let allowed = Double(words[0]), let period = Double(words[1]), period > 0 else {
            return nil
        }
        return allowed / period
    }

    /// Reads the processors that a process may run on from the text of /proc/self/status: `Cpus_allowed_list: 0-3,8`.
    package static func allowedCount(status: String) -> Int? {
        let key = "Cpus_allowed_list:"
        guard let line = status.split(separator: "\n").first(where: { $0.hasPrefix(key) }) else { return nil }
        var count = 0
        for range in line.dropFirst(key.count).filter({ !$0.isWhitespace }).split(separator: ",") {
            let ends = range.split(separator: "-").map { Int($0) }
            guard let first = ends.first ?? nil, let last = ends.last ?? nil, last >= first else { return nil }
            count += last - first + 1
        }
        return count > 0 ? count : nil
    }

    /// This machine's processors.
    public static let current: MachineProcessors = {
        #if canImport(Darwin)
            return MachineProcessors(count: Int(sysconf(Int32(_SC_NPROCESSORS_ONLN))), quota: nil)
        #else
            let count =
                allowedCount(status: SystemFile.text("/proc/self/status") ?? "")
                ?? max(1, Int(sysconf(Int32(_SC_NPROCESSORS_ONLN))))
            let quotas = ControlGroup.paths(of: "cpu.max").compactMap { SystemFile.text($0) }.compactMap(quota(cpuMax:))
            return MachineProcessors(count: count, quota: quotas.min())
        #endif
    }()
}

/// Space on the file systems.
public enum MachineDisk {
    /// Bytes that an ordinary user may still write at a path, or nil where the path does not exist.
    public static func freeBytes(at path: String) -> Int? {
        var status = statvfs()
        guard statvfs(path, &status) == 0 else { return nil }
        return Int(
            clamping: UInt64(status.f_bavail).multipliedReportingOverflow(by: UInt64(status.f_frsize)).partialValue)
    }
}
