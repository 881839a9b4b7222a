#if canImport(FoundationEssentials)
    internal import FoundationEssentials
#else
    internal import Foundation
#endif

#if canImport(Darwin)
    internal import Darwin
#else
    internal import Glibc
#endif

/// What a killed process leaves beside a file or folder that it was writing: `NAME.partial-PID-N`, and `NAME.replaced-PID-N`
/// for the old content while a folder is being exchanged.
enum Leftovers {
    /// Puts right what killed processes left of this path, before it is written again.
    ///
    /// A replaced folder comes back if the new one did not get the name; everything else is removed. Whatever belongs to
    /// a process that still runs is left alone.
    static func clear(of path: String) {
        let files = FileManager.default
        for (name, isReplaced) in abandoned(of: path) {
            if isReplaced, !files.fileExists(atPath: path), rename(name, path) == 0 { continue }
            // What cannot be removed only costs space.
            try? files.removeItem(atPath: name)
        }
    }

    /// The old content of a folder whose replacement was cut short, nil when there is none.
    static func replaced(of path: String) -> String? {
        abandoned(of: path).first { $0.isReplaced }?.path
    }

    private static func abandoned(of path: String) -> [(path: String, isReplaced: Bool)] {
        let folder = FolderPath.parent(of: path)
        let base = FolderPath.trimmed(path).split(separator: "/").last.map(String.init) ?? ""
        let entries = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
        return entries.sorted().compactMap { entry in
            for purpose in ["partial", "replaced"] {
                let start = "\(base).\(purpose)-"
                guard entry.hasPrefix(start) else { continue }
                let numbers = entry.dropFirst(start.count).split(separator: "-", omittingEmptySubsequences: false)
                guard numbers.count == 2, let process = Int32(numbers[0]), process > 0, Int(numbers[1]) != nil,
                    kill(process, 0) != 0, errno == ESRCH
                else { continue }
                return ("\(folder)/\(entry)", purpose == "replaced")
            }
            return nil
        }
    }
}
