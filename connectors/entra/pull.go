package entra

import (
	"context"

	"github.com/rollcallhq/rollcall/connectors"
)

type pullFunc = func(context.Context, connectors.Cursor) (connectors.Page, error)
