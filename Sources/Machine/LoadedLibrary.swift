#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
    import MachO
#endif

/// A dynamic library that is loaded into this process.
public struct LoadedLibrary: Sendable, Equatable {
    /// Where the file is, links followed.
    public var path: String

    /// A library at a path.
    package init(path: String) { self.path = path }

    /// The file's name, such as `libpng16.so.16.39.0`.
    public var fileName: String { String(path.split(separator: "/").last ?? "") }

    /// Every library that is loaded now, in the order of their paths.
    public static var all: [LoadedLibrary] {
        #if canImport(Darwin)
            let paths = (0..<_dyld_image_count()).compactMap { _dyld_get_image_name($0).map { String(cString: $0) } }
        #else
            let paths = paths(inMaps: SystemFile.text("/proc/self/maps") ?? "")
        #endif
        return Set(paths).sorted().map { LoadedLibrary(path: $0) }
    }

    /// The shared objects named in the text of /proc/self/maps.
    package static func paths(inMaps text: String) -> [String] {
        text.split(separator: "\n").compactMap { line in
            guard let start = line.firstIndex(of: "/") else { return nil }
            let path = String(line[start...])
            let name = path.split(separator: "/").last ?? ""
            return name.hasSuffix(".so") || path.contains(".so.") ? path : nil
        }
    }

    /// The first loaded library whose file name begins with `prefix` followed by a character that is not a letter.
    public static func named(_ prefix: String, in libraries: [LoadedLibrary] = all) -> LoadedLibrary? {
        libraries.first { library in
            let name = library.fileName
            return name.hasPrefix(prefix)
                && name.dropFirst(prefix.count).first.map { !$0.isLetter && $0 != "_" } ?? true
        }
    }

    /// What a loaded library's own function of no arguments returns as text, such as `archive_version_string`.
    ///
    /// The caller vouches that the symbol is a function `const char *(void)`.
    public static func text(ofFunction symbol: String) -> String? {
        typealias Function = @convention(c) () -> UnsafePointer<CChar>?
        guard let address = dlsym(dlopen(nil, RTLD_NOW), symbol) else { return nil }
        return unsafeBitCast(address, to: Function.self)().map { String(cString: $0) }
    }

    /// What a loaded library's own function of no arguments returns as a number, such as `WebPGetDecoderVersion`.
    ///
    /// The caller vouches that the symbol is a function `int (void)`.
    public static func number(ofFunction symbol: String) -> Int? {
        typealias Function = @convention(c) () -> CInt
        guard let address = dlsym(dlopen(nil, RTLD_NOW), symbol) else { return nil }
        return Int(unsafeBitCast(address, to: Function.self)())
    }
}
