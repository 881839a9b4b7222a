/// Which frames stand for a whole clip.
public enum FrameSampling {
    /// The numbers of `count` frames of `total`, from 0 and ascending: evenly spaced, and as far from the beginning as from
    /// the end.
    ///
    /// With the spacing `s = (total - 1) / count`, frame `k` is `floor(s / 2) + round(s * k)`, halves rounded to even: the
    /// rule of the video model of arXiv 2304.14178. Where there are fewer frames than are asked for, some come twice.
    ///
    /// - Precondition: both numbers are at least 1.
    public static func indices(count: Int, of total: Int) -> [Int] {
        precondition(count > 0 && total > 0, "\(count) frames of \(total): both must be at least 1")
        let spacing = Double(total - 1) / Double(count)
        let start = Int(spacing / 2)
        return (0..<count).map { start + Int((spacing * Double($0)).rounded(.toNearestOrEven)) }
    }
}
