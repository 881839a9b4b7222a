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

/// Why a file operation failed, in the system's words ("No such file or directory"); any other error's own description.
package func plainReason(_ error: any Error) -> String {
    guard let error = error as? CocoaError else { return "\(error)" }
    if let system = error.underlying as? POSIXError { return String(cString: strerror(system.code.rawValue)) }
    switch error.code {
    case .fileNoSuchFile, .fileReadNoSuchFile: return "No such file or directory"
    case .fileWriteNoPermission, .fileReadNoPermission: return "Permission denied"
    case .fileWriteOutOfSpace: return "No space left on device"
    case .fileWriteFileExists: return "File exists"
    case .fileWriteVolumeReadOnly: return "Read-only file system"
    default: return "the system refused it (Cocoa error \(error.code.rawValue))"
    }
}
