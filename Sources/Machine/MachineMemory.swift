/// Main memory, in bytes.
public struct MachineMemory: Sendable, Equatable {
    /// Installed memory.
    public var total: Int
    /// Memory available now without swapping; nil if the system does not report it.
    public var available: Int?
    /// What a container or a service manager allows this process, where less than `total`.
    public var limit: Int?

    /// What a run may plan with: the limit where there is one, else all memory.
    public var usable: Int { min(total, limit ?? total) }

    /// Values of one's own.
    public init(total: Int, available: Int?, limit: Int?) {
        self.total = total
        self.available = available
        self.limit = limit
    }

    /// Reads the text of /proc/meminfo and the limits of the control groups, each a file's text.
    package init?(meminfo: String, limits: [String]) {
        func value(_ key: String) -> Int? {
            for line in meminfo.split(separator: "\n") where line.hasPrefix(key + ":") {
                let words = line.split(separator: " ")
                return words.count >= 2 ? Int(words[1]).map { $0 * 1024 } : nil
            }
            return nil
        }
        guard let total = value("MemTotal") else { return nil }
        // "max", and version 1's nearly endless number, mean that there is no limit.
        let limit = limits.compactMap { Int($0.filter { !$0.isWhitespace }) }.filter { $0 > 0 && $0 < total }.min()
        self.init(total: total, available: value("MemAvailable"), limit: limit)
    }

    /// This machine's memory now, or nil where the system does not tell.
    public static var current: MachineMemory? {
        #if canImport(Darwin)
            return SystemControl.integer("hw.memsize").map { MachineMemory(total: $0, available: nil, limit: nil) }
        #else
            let files =
                ControlGroup.paths(of: "memory.max") + ControlGroup.paths(of: "memory.limit_in_bytes", in: "memory")
            return MachineMemory(
                meminfo: SystemFile.text("/proc/meminfo") ?? "", limits: files.compactMap { SystemFile.text($0) })
        #endif
    }
}

/// Where Linux keeps the limits of containers and services: one folder per group, a limit of any ancestor counts.
enum ControlGroup {
    /// The files with one limit, from this process's group up to the root, of version 2 or of one version 1 controller.
    static func paths(of file: String, in controller: String? = nil) -> [String] {
        paths(of: file, in: controller, membership: SystemFile.text("/proc/self/cgroup") ?? "")
    }

    /// The same from the text of /proc/self/cgroup: lines such as `0::/user.slice` or `4:memory:/docker/12ab`.
    static func paths(of file: String, in controller: String?, membership: String) -> [String] {
        let root = "/sys/fs/cgroup" + (controller.map { "/" + $0 } ?? "")
        var group = ""
        for line in membership.split(separator: "\n") {
            let parts = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
            guard parts.count == 3 else { continue }
            let controllers = parts[1].split(separator: ",").map(String.init)
            if controller.map({ controllers.contains($0) }) ?? parts[1].isEmpty { group = String(parts[2]) }
        }
        var paths: [String] = []
        var names = group.split(separator: "/")
        while true {
            paths.append(root + names.map { "/" + $0 }.joined() + "/" + file)
            if names.isEmpty { return paths }
            names.removeLast()
        }
    }
}
