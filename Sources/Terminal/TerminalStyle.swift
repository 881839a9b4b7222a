#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// What may be written to one output: whether it is a terminal, whether it takes colour, how wide it is.
///
/// Colour is used only on a terminal, never when `NO_COLOR` is set to anything but the empty string
/// (https://no-color.org) and never when `TERM` is `dumb`.
public struct TerminalStyle: Sendable, Equatable {
    /// True when the output is a terminal that understands cursor movement.
    public var isInteractive: Bool
    /// True when ANSI colour may be written.
    public var usesColour: Bool
    /// Columns of the terminal; 80 where there is none.
    public var width: Int

    /// A style with given answers; `plain` is what a file or a pipe gets.
    public init(isInteractive: Bool, usesColour: Bool, width: Int = 80) {
        self.isInteractive = isInteractive
        self.usesColour = usesColour
        self.width = width
    }

    /// No colour, no cursor movement, 80 columns.
    public static let plain: TerminalStyle = TerminalStyle(isInteractive: false, usesColour: false)

    /// The style of standard output.
    public static var standardOutput: TerminalStyle { TerminalStyle(descriptor: STDOUT_FILENO) }
    /// The style of standard error.
    public static var standardError: TerminalStyle { TerminalStyle(descriptor: STDERR_FILENO) }

    /// Asks the system about an open file descriptor and reads `NO_COLOR` and `TERM`.
    public init(descriptor: Int32) {
        let terminal = isatty(descriptor) == 1
        var size = winsize()
        let known = terminal && ioctl(descriptor, UInt(TIOCGWINSZ), &size) == 0 && size.ws_col > 0
        self.init(
            isTerminal: terminal, width: known ? Int(size.ws_col) : 80,
            noColour: Self.environment("NO_COLOR"), term: Self.environment("TERM"))
    }

    /// The rule itself, apart from the system: what a terminal of `width` columns gets under these variables.
    package init(isTerminal: Bool, width: Int, noColour: String?, term: String?) {
        isInteractive = isTerminal && term != "dumb"
        usesColour = isInteractive && (noColour ?? "").isEmpty
        self.width = width
    }

    /// Text that somebody else wrote, such as a model: on a terminal its control characters, which could move the cursor, ring
    /// or delete, become the replacement character; line ends and tabs stay.
    public func harmless(_ text: String) -> String {
        guard isInteractive else { return text }
        return String(
            String.UnicodeScalarView(
                text.unicodeScalars.map { scalar in
                    let isControl = scalar.properties.generalCategory == .control
                    return isControl && scalar != "\n" && scalar != "\t" ? "\u{FFFD}" : scalar
                }))
    }

    private static func environment(_ name: String) -> String? {
        getenv(name).map { String(cString: $0) }
    }
}

/// The few ANSI colours the commands use.
public enum TerminalColour: Int, Sendable {
    case red = 31
    case green = 32
    case yellow = 33
    case blue = 34
    case magenta = 35
    case cyan = 36
    case grey = 90
}

extension TerminalStyle {
    /// `text` in `colour` where the output takes colour, else `text` unchanged.
    public func paint(_ text: String, _ colour: TerminalColour) -> String {
        usesColour ? "\u{1B}[\(colour.rawValue)m\(text)\u{1B}[0m" : text
    }

    /// `text` in bold where the output takes colour, else `text` unchanged.
    public func bold(_ text: String) -> String {
        usesColour ? "\u{1B}[1m\(text)\u{1B}[0m" : text
    }
}
