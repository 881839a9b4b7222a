/// Lays images out in rows on white, each shrunk or enlarged to fit a square cell and centred in it.
///
/// - Parameters:
///   - images: In reading order.
///   - columns: Cells per row; fewer images than that make a narrower sheet.
///   - cell: Side of a cell in pixels, at least 1.
/// - Returns: The sheet; cells are 4 pixels apart. No images give one empty cell.
/// - Precondition: `columns` and `cell` are positive.
public func contactSheet(_ images: [Image], columns: Int, cell: Int) -> Image {
    precondition(columns > 0 && cell > 0, "a contact sheet needs columns and cells, not \(columns) of \(cell) pixels")
    let gap = 4
    let columnCount = max(1, min(columns, images.count))
    let rowCount = max(1, (images.count + columnCount - 1) / columnCount)
    let width = columnCount * (cell + gap) + gap
    let height = rowCount * (cell + gap) + gap
    var sheet = Image(width: width, height: height).pixels
    for (index, image) in images.enumerated() {
        let longest = max(image.width, image.height)
        let fitted = image.resized(
            width: max(1, image.width * cell / longest), height: max(1, image.height * cell / longest))
        let left = gap + index % columnCount * (cell + gap) + (cell - fitted.width) / 2
        let top = gap + index / columnCount * (cell + gap) + (cell - fitted.height) / 2
        for row in 0..<fitted.height {
            let target = ((top + row) * width + left) * 3
            let source = row * fitted.width * 3
            sheet.replaceSubrange(
                target..<target + fitted.width * 3, with: fitted.pixels[source..<source + fitted.width * 3])
        }
    }
    return Image(width: width, height: height, pixels: sheet)
}
