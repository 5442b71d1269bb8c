package entra

import (
	"context"

	"github.com/rollcallhq/rollcall/connectors"
)

// pullFunc reads one page of a feed.
type pullFunc = func(context.Context, connectors.Cursor) (connectors.Page, error)

// wholly makes a pull fail that was cancelled on the way: what it reads beside its list must not be missing without a word.
func wholly(pull pullFunc) pullFunc {
	return func(ctx context.Context, from connectors.Cursor) (connectors.Page, error) {
		page, err := pull(ctx, from)
		if err == nil && ctx.Err() != nil {
			return connectors.Page{}, context.Cause(ctx)
		}
		return page, err
	}
}
